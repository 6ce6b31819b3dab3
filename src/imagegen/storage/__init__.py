"""What outlives the process: job documents in MongoDB, pictures in S3."""
