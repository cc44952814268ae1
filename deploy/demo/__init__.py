"""The demo: one invented district at work, played through public doors alone. `maodiao demo` runs it.

`stage` starts what is played on, `stories` are what is played, `checks` compares what came in with what came out.
"""
