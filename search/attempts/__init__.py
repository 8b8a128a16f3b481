"""Code that drivers and workers share: dispatcher interface, heartbeat, fair shares, logs."""
