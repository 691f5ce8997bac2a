"""Settings of the gateway itself, and of the world around the hooks."""
