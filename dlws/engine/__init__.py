"""How pytest runs checks and stages: the plugin, the graph, the scheduler, proving, waivers, replay."""
