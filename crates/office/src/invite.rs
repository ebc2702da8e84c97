//! Letting a new node in: invites that are good once, and what is remembered of certificates.

use causal::BaseId;
use domain::date::shanghai_minute;
use store::{Certificate, Engine, Invite, InviteState, Read, Write};
use sync::{Changes, Link, Row};

use crate::{Office, OfficeError};

impl<E: Engine> Office<E> {
    /// Whether this node may invite the node of `base`: it dials this one.
    ///
    /// # Errors
    /// [`OfficeError::NotMine`].
    pub fn may_invite(&self, base: BaseId) -> Result<(), OfficeError> {
        let tree = self.tree();
        self.in_service(&tree, base)?;
        if tree.link_parent(base) == Some(self.me.base) {
            return Ok(());
        }
        Err(OfficeError::NotMine { base: tree.name(base) })
    }

    /// Keeps an invite that was issued.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn keep_invite(&self, invite: &Invite) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        tx.put_invite(invite).await?;
        Ok(tx.commit().await?)
    }

    /// Uses an invite up for the node of `base` and counts its joining; answers with the bases' records.
    ///
    /// # Errors
    /// [`OfficeError::Invite`] when it is unknown, used, expired, or for another base.
    pub async fn redeem(&self, code_hash: &[u8; 32], base: BaseId) -> Result<Vec<Row>, OfficeError> {
        self.may_invite(base)?;
        self.admit(base)?;
        let mut tx = self.store.begin().await?;
        let taken = tx.take_invite(code_hash, self.now_ms()).await?;
        let refuse = |words: String| Err(OfficeError::Invite { words });
        let day = |at: u64| shanghai_minute(i64::try_from(at).unwrap_or(i64::MAX));
        match taken {
            InviteState::Taken(invite) if invite.base == base => {}
            InviteState::Used(invite) => {
                let at = day(invite.used_at_ms.unwrap_or(0));
                return refuse(format!(
                    "这份邀请已在 {at} 用过,请向上级要一份新的 / this invite has been used"
                ));
            }
            InviteState::Expired(invite) => {
                let at = day(invite.expires_at_ms);
                return refuse(format!(
                    "这份邀请已于 {at} 过期,请向上级要一份新的 / this invite has expired"
                ));
            }
            InviteState::Taken(_) | InviteState::Unknown => {
                return refuse("上级没有发过这份邀请,请核对文件 / the parent knows no such invite".into());
            }
        }
        let link = tx.links().await?.into_iter().find(|l| l.peer == base && !l.up);
        let link = link
            .map_or(Link { peer: base, epoch: 1, ..Link::default() }, |l| Link { epoch: l.epoch + 1, ..l });
        tx.apply(&Changes { links: vec![link], ..Changes::default() }).await?;
        let registry = self.registry_rows(&mut tx).await?;
        tx.commit().await?;
        Ok(registry)
    }

    /// Keeps note of a certificate that was issued.
    ///
    /// # Errors
    /// [`OfficeError`] when the store fails.
    pub async fn note_certificate(&self, certificate: &Certificate) -> Result<(), OfficeError> {
        let mut tx = self.store.begin().await?;
        tx.put_certificate(certificate).await?;
        Ok(tx.commit().await?)
    }
}
