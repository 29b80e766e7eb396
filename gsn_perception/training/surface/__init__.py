"""Training of surface networks: occupancy networks (onet, convonet) and patch-level fields (peif)."""
