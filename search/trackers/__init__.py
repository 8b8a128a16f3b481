"""Trials as runs of other tools: TensorBoard, MLflow and Weights & Biases.

One file a tool, and one table of them (`table`). They know neither the store nor the driver.
"""
