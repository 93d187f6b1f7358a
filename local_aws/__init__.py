"""AWS on this machine: emulator, `aws` provider, embedded engine and rehearsal."""
