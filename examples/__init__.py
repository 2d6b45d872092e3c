"""What the paper shows, one runnable page each, measured in the run that writes it: ``make examples``."""
