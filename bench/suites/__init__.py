"""The suites. Each is a coroutine that is given the servers and a plan and gives its `Outcome`."""
