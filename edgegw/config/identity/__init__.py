"""Identity providers: their keys, what must hold beyond them, and what becomes of them."""
