import numpy as np

rs = np.random.RandomState(0)
n, d, m, k = 256, 10, 24, 3
D_true = rs.randn(d, m); D_true /= np.linalg.norm(D_true, axis=0, keepdims=True)
Z_true = np.zeros((n, m))
for row in Z_true:
    row[rs.choice(m, k, replace=False)] = rs.uniform(0.5, 1.5, k)
X = Z_true @ D_true.T + 0.02 * rs.randn(n, d)


def train_sae(lam, steps=500, lr=0.05):
    W_enc, W_dec = 0.1 * rs.randn(m, d), 0.1 * rs.randn(d, m)
    for _ in range(steps):
        pre = X @ W_enc.T
        Z = np.maximum(pre, 0.0)
        X_hat = Z @ W_dec.T
        err = (X_hat - X) / n
        grad_dec = err.T @ Z
        grad_z = err @ W_dec + lam * (Z > 0) / n
        W_enc -= lr * ((grad_z * (pre > 0)).T @ X)
        W_dec -= lr * grad_dec
        W_dec /= np.linalg.norm(W_dec, axis=0, keepdims=True) + 1e-9
    Z = np.maximum(X @ W_enc.T, 0.0)
    X_hat = Z @ W_dec.T
    return np.mean((X - X_hat) ** 2), np.mean(np.count_nonzero(Z > 1e-3, axis=1))


faithful = train_sae(lam=0.0005)
sparse = train_sae(lam=0.30)
print("low lambda:  mse %.4f, avg active latents %.1f" % faithful)
print("high lambda: mse %.4f, avg active latents %.1f" % sparse)
assert sparse[1] < faithful[1] and sparse[0] > faithful[0]
