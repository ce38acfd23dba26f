"""The queue: rows that can be moved, stopped, retried and read."""

from plugin.ui.queue.view import QueueList

__all__ = ["QueueList"]
