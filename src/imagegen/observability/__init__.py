"""What operators see of a process: logs, metrics and traces."""
