"""The formulas of the feature families in LaTeX; a family without one is shown by the registry's short formula."""

SYMBOLS = r"""
- $y_n$: the samples of the clip; $N$ = `n_fft`, the length of a window; $H$ = `hop_length`, the step from frame to
  frame.
- $D_{k,t}$: the short-time Fourier transform at bin $k$ and frame $t$ (periodic Hann window, frames centred, zeros at
  the edges); $S_{k,t} = |D_{k,t}|$ its magnitude; $f_k$ the frequency of bin $k$.
- $M_{m,t} = \sum_k w_{m,k} S_{k,t}^2$: the power in mel band $m$ (Slaney's bands);
  $L_{m,t} = 10 \log_{10} \max(10^{-10}, M_{m,t})$ the same in decibels, not more than 80 dB below the largest.
- $Q_{b,t}$: the magnitude of the constant-Q transform, 7 octaves of 36 bins from C1.
- $p = 0, \ldots, 11$: the pitch classes C to B; $B_p$: the bins of pitch class $p$ in all octaves.
"""

# family → formula, and what else its letters mean, in Markdown
FORMULAS = {
    "chroma_stft": (
        r"c_{p,t} = \frac{\sum_k v_{p,k} S_{k,t}^2}{\max_q \sum_k v_{q,k} S_{k,t}^2}",
        "$v_{p,k}$: how near bin $k$ is to pitch class $p$ in the clip's tuning.",
    ),
    "chroma_cqt": (r"c_{p,t} = \frac{\sum_{b \in B_p} Q_{b,t}}{\max_q \sum_{b \in B_q} Q_{b,t}}", ""),
    "chroma_cens": (
        r"""z_{p,t} = \frac{1}{4} \sum_{s \in \{0.05,\, 0.1,\, 0.2,\, 0.4\}}
\left[ \frac{\sum_{b \in B_p} Q_{b,t}}{\sum_q \sum_{b \in B_q} Q_{b,t}} > s \right], \qquad
c_{p,t} = \frac{(z * h)_{p,t}}{\sqrt{\sum_q (z * h)_{q,t}^2}}""",
        "$h$: a Hann window of 41 frames; a bracket is 1 where it holds and 0 elsewhere.",
    ),
    "tonnetz": (
        r"""\sum_p d_{p,t} \sin \frac{7 \pi p}{6},\;\; \sum_p d_{p,t} \cos \frac{7 \pi p}{6},\;\;
\sum_p d_{p,t} \sin \frac{3 \pi p}{2},\;\; \sum_p d_{p,t} \cos \frac{3 \pi p}{2} \\
\frac{1}{2} \sum_p d_{p,t} \sin \frac{2 \pi p}{3},\;\; \frac{1}{2} \sum_p d_{p,t} \cos \frac{2 \pi p}{3}""",
        r"$d_{p,t} = c_{p,t} / \sum_q c_{q,t}$, where $c$ is `chroma_cqt`.",
    ),
    "rms": (r"r_t = \sqrt{ \frac{1}{N} \sum_{n \in t} y_n^2 }", ""),
    "zero_crossing_rate": (
        r"z_t = \frac{1}{N} \sum_{n \in t} \left[ \mathrm{sign}\, y_n \neq \mathrm{sign}\, y_{n-1} \right]",
        "A bracket is 1 where it holds and 0 elsewhere.",
    ),
    "spectral_centroid": (r"c_t = \frac{\sum_k f_k S_{k,t}}{\sum_k S_{k,t}}", ""),
    "spectral_bandwidth": (
        r"b_t = \sqrt{ \frac{\sum_k S_{k,t} (f_k - c_t)^2}{\sum_k S_{k,t}} }",
        "$c_t$: the spectral centroid.",
    ),
    "spectral_rolloff": (r"r_t = \min \left\{ f_k : \sum_{j \le k} S_{j,t} \ge 0.85 \sum_j S_{j,t} \right\}", ""),
    "spectral_flatness": (
        r"""s_t = \frac{\exp \left( \frac{1}{K} \sum_k \ln \max(10^{-10}, S_{k,t}^2) \right)}
{\frac{1}{K} \sum_k \max(10^{-10}, S_{k,t}^2)}, \qquad K = 1 + N / 2""",
        "",
    ),
    "spectral_contrast": (
        r"c_{b,t} = 10 \log_{10} u_{b,t} - 10 \log_{10} v_{b,t}",
        "$u_{b,t}$ and $v_{b,t}$: mean of the highest and of the lowest 2 % of the $S_{k,t}$ in band $b$.",
    ),
    "mfcc": (
        r"""c_{i,t} = a_i \sum_{m=0}^{n-1} L_{m,t} \cos \frac{\pi i (2m + 1)}{2n}, \qquad
a_0 = \sqrt{1/n},\; a_{i > 0} = \sqrt{2/n}""",
        "$n$: the number of mel bands.",
    ),
    "mfcc_delta": (r"d_{i,t} = \frac{1}{60} \sum_{j=-4}^{4} j \, c_{i,t+j}", "$c$: the MFCCs."),
    "mfcc_delta2": (
        r"e_{i,t} = \frac{1}{154} \sum_{j=-4}^{4} \left( j^2 - \frac{20}{3} \right) c_{i,t+j}",
        "$c$: the MFCCs.",
    ),
    "harmonic": (
        r"y^{\mathrm{h}} = \mathrm{STFT}^{-1} \left( \frac{h_{k,t}^2}{h_{k,t}^2 + p_{k,t}^2} D_{k,t} \right)",
        "$h_{k,t}$: the median of $S$ over 31 frames around $t$; $p_{k,t}$: its median over 31 bins around $k$.",
    ),
    "percussive": (
        r"y^{\mathrm{p}} = \mathrm{STFT}^{-1} \left( \frac{p_{k,t}^2}{h_{k,t}^2 + p_{k,t}^2} D_{k,t} \right)",
        "$h_{k,t}$ and $p_{k,t}$ as for the harmonic part.",
    ),
    "onset_strength": (
        r"o_t = \frac{1}{n} \sum_{m=0}^{n-1} \max(0,\, L_{m,t} - L_{m,t-1})",
        "$n$: the number of mel bands.",
    ),
    "tempo": (
        r"""\mathrm{tempo} = \frac{60\, \mathrm{sr}}{H \tau^*}, \qquad
\tau^* = \mathrm{argmax}_\tau \left[ \ln(1 + 10^6 a_\tau)
- \frac{1}{2} \left( \log_2 \frac{60\, \mathrm{sr} / (H \tau)}{120} \right)^2 \right]""",
        r"$a_\tau$: the mean autocorrelation of the onset strength at a lag of $\tau$ frames; tempos below 320.",
    ),
}
