"""What is known about an image, as documents of their own that travel beside it."""
