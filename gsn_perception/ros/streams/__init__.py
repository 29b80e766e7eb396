"""Subscriptions of the nodes; joins the messages of several topics by stamp into frames."""
