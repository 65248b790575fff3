"""The pure core: values and functions that know neither AWS, nor a clock, nor a network."""
