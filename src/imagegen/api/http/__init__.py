"""HTTP itself: bodies, parameters, headers, problems, policies of routes, and the protocol. Imports no middleware."""
