"""Images in the S3 bucket."""
