"""What every feature may use: ports, files with checksums, logging. Standard library and numpy only."""
