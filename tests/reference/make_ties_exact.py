"""Exact rank correlations of the `ties` case: order of rational numbers instead of rounded distances."""
import json, numpy as np
from fractions import Fraction
from scipy.stats import rankdata, spearmanr, kendalltau
R='tests/reference/measures/'
def dist(X,center):
    X=[[int(v) for v in r] for r in X]; p=len(X[0])
    if center: X=[[p*v-sum(r) for v in r] for r in X]
    dot=lambda a,b: sum(x*y for x,y in zip(a,b))
    out=[]
    for i in range(len(X)):
        for j in range(i+1,len(X)):
            c=dot(X[i],X[j]); q=Fraction(c*abs(c),dot(X[i],X[i])*dot(X[j],X[j]))
            out.append(-q)
    u={v:k for k,v in enumerate(sorted(set(out)))}
    return np.array([u[v] for v in out],float)
X=np.load(R+'ties_X.npy'); Y=np.load(R+'ties_Y.npy')
assert (X==np.round(X)).all() and (Y==np.round(Y)).all()
out={}
for nm,c in [('correlation',True),('cosine',False)]:
    a,b=dist(X,c),dist(Y,c)
    N=len(a)
    ra,rb=rankdata(a)-(N+1)/2,rankdata(b)-(N+1)/2
    i,j=np.triu_indices(N,1)
    s=(np.sign(a[i]-a[j])*np.sign(b[i]-b[j])).sum()
    out[nm]={'spearman':float(spearmanr(a,b)[0]),'rho-a':float(12*(ra*rb).sum()/(N**3-N)),'tau-b':float(kendalltau(a,b)[0]),'tau-a':float(s/(N*(N-1)/2))}
    print(nm,len(np.unique(a)),len(np.unique(b)))
print(out)

# Poisson: values 0, 1, 2 give three kinds of terms; compare with 60 digits.
from mpmath import mp, mpf, log
mp.dps=60
def poisson(X):
    r=[(mpf(v)+mpf('0.1'))/mpf('1.1') for v in range(10)]
    t={(a,b):(r[a]-r[b])*(log(r[a])-log(r[b])) for a in range(10) for b in range(10)}
    out=[]; seen={}
    for i in range(len(X)):
        for j in range(i+1,len(X)):
            k=tuple(sorted((min(a,b),max(a,b)) for a,b in zip(X[i],X[j]) if a!=b))
            if k not in seen: seen[k]=mp.nstr(sum((t[x] for x in k),mpf(0)),40)
            out.append(mpf(seen[k]))
    u={v:k for k,v in enumerate(sorted(set(out)))}
    return np.array([u[v] for v in out],float)
a,b=poisson(X.astype(int).tolist()),poisson(Y.astype(int).tolist())
N=len(a); ra,rb=rankdata(a)-(N+1)/2,rankdata(b)-(N+1)/2
i,j=np.triu_indices(N,1)
s=(np.sign(a[i]-a[j])*np.sign(b[i]-b[j])).sum()
out['poisson']={'spearman':float(spearmanr(a,b)[0]),'rho-a':float(12*(ra*rb).sum()/(N**3-N)),'tau-b':float(kendalltau(a,b)[0]),'tau-a':float(s/(N*(N-1)/2))}
print('poisson',len(np.unique(a)),len(np.unique(b)),out['poisson'])
# CKNNA with rows of unit norm: neighbours in the order of rational numbers; of those that tie for the last places each has
# the chance that a random order gives it.
def nn(X,k):
    X=[[int(v) for v in r] for r in X]; n=len(X)
    dot=lambda a,b: sum(x*y for x,y in zip(a,b)); M=np.zeros((n,n))
    for i in range(n):
        q=[(-Fraction(dot(X[i],X[j])*abs(dot(X[i],X[j])),dot(X[j],X[j])),j) for j in range(n) if j!=i]
        last=sorted(q)[k-1][0]; tied=[j for v,j in q if v==last]; near=[j for v,j in q if v<last]
        M[i,near]=1; M[i,tied]=(k-len(near))/len(tied)
    U=np.array(X,float); U/=np.linalg.norm(U,axis=1,keepdims=True)
    return M,U@U.T
def h(K,L):
    m=len(K); K=K-np.diag(np.diag(K)); L=L-np.diag(np.diag(L))
    return ((K*L.T).sum()+K.sum()*L.sum()/((m-1)*(m-2))-2*(K@L).sum()/(m-2))/(m*(m-3))
(MX,KX),(MY,KY)=nn(X,10),nn(Y,10); M=MX*MY
out['cknna']={'k10_l2norm':float(h(M*KX,M*KY)/(np.sqrt(h(MX*KX,MX*KX)*h(MY*KY,MY*KY))+1e-6))}
print(out['cknna'])
json.dump(out,open('tests/reference/ties_exact.json','w'),indent=1)
r=json.load(open(R+'ties.json'))['pairwise']
for nm in out:
    for k,v in out[nm].items():
        kk='rsa_%s_%s'%(nm,k)
        if kk in r: print(kk,r[kk]['value'],v,r[kk]['value']-v)
