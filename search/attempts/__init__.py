"""What the driver and the workers share about placing a trial: dispatcher, lease, slots."""
