"""What a `ModelWrapper` is made of: batches, optimizer steps, the best epoch, predictions."""
