"""Speed with its error beside it, against the textbook form in the same run: ``make bench``."""
