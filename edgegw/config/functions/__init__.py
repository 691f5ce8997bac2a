"""Functions of the configuration: their keys, what must hold for them, what they become."""
