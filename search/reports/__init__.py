"""Reports on a search: its best trials, exports, text tables and importance."""
