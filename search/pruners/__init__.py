"""Pruners: rules that end a trial before its last epoch, one file each."""
