"""The channel `kiosk`."""
