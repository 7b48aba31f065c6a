"""Values of rsatoolbox 0.3.2 for noise normalisation, cross-validation and noise ceilings, on fixed inputs."""
import json, warnings, numpy as np
warnings.simplefilter('ignore')
import rsatoolbox
from rsatoolbox.data import Dataset
from rsatoolbox.data.noise import cov_from_residuals
from rsatoolbox.rdm import calc_rdm, RDMs
from rsatoolbox.inference import boot_noise_ceiling
R='tests/reference/measures/'
X=np.load(R+'kornblith_X.npy').astype(float); Y=np.load(R+'kornblith_Y.npy').astype(float)
out={'meta':{'package':'rsatoolbox==%s'%'0.3.2','X':'kornblith_X.npy','Y':'kornblith_Y.npy',
 'residuals':'Y','patterns':'X[:12]','partitions':'X[:12], X[12:24], X[24:36]','subjects':'squared Euclidean/p RDMs of X[0:12], X[12:24], X[24:36], X[36:48]'}}
for m in ['full','diag','shrinkage_eye','shrinkage_diag']:
    c=cov_from_residuals(Y,method=m)
    if c.ndim==1: c=np.diag(c)
    out['cov_'+m]=c.ravel().tolist()
    c7=cov_from_residuals(Y[:14],dof=9,method=m)
    out['cov_%s_14_dof9'%m]=c7.ravel().tolist()
    P=np.linalg.inv(c)
    d=calc_rdm(Dataset(X[:12]),method='mahalanobis',noise=P)
    out['mahalanobis_'+m]=d.get_vectors()[0].tolist()
P=np.linalg.inv(cov_from_residuals(Y,method='shrinkage_diag'))
ds=Dataset(X[:36],obs_descriptors={'c':np.tile(np.arange(12),3),'s':np.repeat(np.arange(3),12)})
out['crossnobis_plain']=calc_rdm(ds,method='crossnobis',descriptor='c',cv_descriptor='s').get_vectors()[0].tolist()
out['crossnobis_shrinkage_diag']=calc_rdm(ds,method='crossnobis',descriptor='c',cv_descriptor='s',noise=P).get_vectors()[0].tolist()
v=np.vstack([calc_rdm(Dataset(X[12*i:12*i+12]),method='euclidean').get_vectors() for i in range(4)])
for m in ['cosine','corr','spearman','rho-a','tau-a','tau-b','cosine_cov','corr_cov']:
    lo,hi=boot_noise_ceiling(RDMs(v),method=m)
    out['ceiling_'+m]=[float(lo),float(hi)]
json.dump(out,open('tests/reference/rsatoolbox_noise.json','w'),indent=0)
print({k:(v if len(v)<3 else len(v)) for k,v in out.items() if k!='meta'})
