"""HTTP: routes, status codes and limits; what requests mean is decided in workflows."""
