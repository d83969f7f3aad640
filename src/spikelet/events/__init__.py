"""Event cameras and silicon cochleas: read, write, change and make events (t, x, y, p) in microseconds.

`read` and `write` know eleven formats (`FORMATS`); what is read is an `Events`, one structured array with the size of
its sensor. Transforms are functions from events to events; `by_time` and its likes cut a recording into `Windows`,
`frames` and others make arrays of them, `dvs` makes events of video, and `flow` finds how things move.

Example:
    >>> from spikelet import events
    >>> few = events.from_columns(t=[0, 5, 9], x=[0, 1, 1], y=[0, 0, 0], p=[1, 0, 0])
    >>> events.by_count(few, 2)
    Windows(2; 3 events kept, 0 dropped)
    >>> events.decode(events.encode(few, "evt3"))
    Events(3 of 2 x 1, 9e-06 s)
"""

from spikelet.events.augment import (
    add_noise as add_noise,
    drop_area as drop_area,
    drop_events as drop_events,
    drop_time as drop_time,
    jitter_space as jitter_space,
    jitter_time as jitter_time,
)
from spikelet.events.data import EVENT as EVENT, Events as Events, from_columns as from_columns, sort as sort
from spikelet.events.dvs import IDEAL as IDEAL, V2E as V2E, Pixel as Pixel, dvs as dvs, log_intensity as log_intensity
from spikelet.events.filters import (
    decimate as decimate,
    denoise as denoise,
    downsample as downsample,
    drop_pixels as drop_pixels,
    hot_pixels as hot_pixels,
    refractory as refractory,
)
from spikelet.events.flow import Flow as Flow, adapted as adapted, flow as flow
from spikelet.events.formats import (
    FORMATS as FORMATS,
    Format as Format,
    decode as decode,
    encode as encode,
    read as read,
    table as table,
    write as write,
)
from spikelet.events.frames import (
    cloud as cloud,
    frames as frames,
    hots_surfaces as hots_surfaces,
    time_surface as time_surface,
    voxel_grid as voxel_grid,
)
from spikelet.events.geometry import (
    crop as crop,
    crop_time as crop_time,
    downsample_time as downsample_time,
    flip as flip,
    merge_polarity as merge_polarity,
    rotate as rotate,
    shift as shift,
    unique as unique,
)
from spikelet.events.hdf5 import encode_spoken as encode_spoken, spoken as spoken
from spikelet.events.saccades import saccades as saccades
from spikelet.events.windows import (
    Windows as Windows,
    by_count as by_count,
    by_time as by_time,
    count_bins as count_bins,
    time_bins as time_bins,
)
