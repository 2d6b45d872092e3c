"""The addresses of a studio, and what they answer."""
