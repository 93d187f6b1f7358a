"""What gets deployed. Nothing here knows whether it is deployed to AWS or to the emulator."""
