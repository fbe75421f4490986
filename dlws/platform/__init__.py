"""The DLWS platform: services, images, manifests and files, rendered from the user's checkout."""
