"""Function URLs and HTTP APIs: their keys, what must hold for them, what they become."""
