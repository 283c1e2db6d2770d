"""Judges a large history in parts of whole conversations, in bounded memory and on all cores.

- A *part* (`splitting`) is a range of conversations of one shard. It is read, judged by all checks
  (`part`) and forgotten, except for its findings and the columns that the metrics need (`columns`).
- A *batch* is some parts that one process reads together (`batches`).
- A conversation that is larger than a part is *cut* at positions into *pieces* (`cuts`, `pieces`),
  which are judged like parts. `seams` finds out whether anything that a check compares *crosses* a
  cut; the conversation is then judged as a whole.
- At the end the findings are added up (`merging`), and witnesses are looked for in the parts with
  violations (`judged_parts`).

The result is the same as that of a history that is judged as a whole.
"""
