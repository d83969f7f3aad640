"""The simulator: sparse networks with delays, from the same neurons and synapses that torch layers are made of."""
