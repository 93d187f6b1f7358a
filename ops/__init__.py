"""What operators and workflows run after a deployment: boto3 and HTTP, against AWS or anything that answers like it."""
