/* SPDX-License-Identifier: Apache-2.0 */
/* What a TF-M build makes of the manifests, for the one service that is called. */
#ifndef PSA_MANIFEST_SID_H
#define PSA_MANIFEST_SID_H

#define PEDIGREE_SERVICE_HANDLE (0x40000106U)

#endif
