"""What is known of documents beside their vectors: typed columns, and filters over them."""
