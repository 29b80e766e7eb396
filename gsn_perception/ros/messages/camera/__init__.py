"""Decodes messages of cameras and segmenters: images, depth, masks, camera_info."""
