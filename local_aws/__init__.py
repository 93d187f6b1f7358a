"""AWS on this machine: emulator, stand-in, `aws` provider and embedded engine."""
