"""Landing: bytes exactly as they came, named by sha256, each with a receipt.

The only package that touches a network or an inbox. It never looks inside a file beyond unpacking it."""
