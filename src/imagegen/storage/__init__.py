"""What outlives the process: documents in MongoDB and images in S3."""
