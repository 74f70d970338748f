"""One model's `pipeline.yaml`, checked, and the folders that hold them."""
