"""What gets deployed. Nothing here knows where it is deployed to."""
