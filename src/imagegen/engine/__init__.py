"""Runs jobs: takes them from the queue, submits each once, waits for fal.ai, stores the images, and sends webhooks."""
