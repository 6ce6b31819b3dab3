"""`imagegen client`: what the clients in `sdk/` need of an operator's own catalog."""
