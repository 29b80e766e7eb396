"""Frame preparation before the network: input checks, masks, support plane, depth cleaning, crops."""
