"""What cameras and segmenters send, decoded: images, depth, masks, camera_info."""
