"""What a search found: its best trials, exports, text tables and importance."""
