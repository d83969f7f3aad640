"""Training runs from the command line, and the experiments of papers.

Training: recipes, the loop, checkpoints, several processes, and the report.

recipes      what is trained: data set, network, loss and optimiser, as data
architecture the networks that recipes name
batch        what enters a network: images (batches), sounds and events (sequences)
folder       where it is written: one run per folder, every file complete or absent
checkpoint   where it stands: tensors in safetensors, the position in JSON
distributed  who takes part: one process, or several under torchrun
loop         one step after the other
evaluate     what the network makes of the test images, and how much it spikes for it
report       the figures and the lines that a run ends with
train        all of these, joined

Papers: a file ``author_year.py`` for each.

paper        what an experiment is, and a published figure beside ours
reproduce    runs one, tells and keeps what came out
reproduced   the page of what was kept
"""
